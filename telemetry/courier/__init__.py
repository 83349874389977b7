"""Carrying a queue's deliveries to the outside, whatever the outside is: at least once, under an id that stays."""
