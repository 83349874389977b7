"""The only room that knows the driver: a call is one atomic command that answers with a fact."""
