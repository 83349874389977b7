"""Events as Discord messages."""
