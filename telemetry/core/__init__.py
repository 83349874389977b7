"""What tellonce is about, without a clock, a task or a driver."""
