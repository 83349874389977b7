"""The Discord courier."""
