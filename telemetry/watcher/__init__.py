"""From what is stored to what each consumer is owed."""
