"""What befell three systems before this one, told again to real processes."""
