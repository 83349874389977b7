"""What may go wrong, by whose turn it is to act."""


class TellonceError(Exception):
    """Something went wrong that one line can explain."""


class ConfigurationError(TellonceError):
    """The operator must change a file, an argument or the environment."""


class InvalidEventError(TellonceError):
    """The producer sent an event that can never be stored."""


class UnknownTypeError(InvalidEventError):
    """No policy says how facts of this type are told apart."""


class MissingPartError(InvalidEventError):
    """The event lacks what its key is made of."""


class UnavailableError(TellonceError):
    """The database could not answer now; the same call may be made again."""


class ConflictError(TellonceError):
    """Somebody else wrote the same at the same moment, so that nothing of it stands: the whole may be done again."""


class StaleError(Exception):
    """Too long ago was written down what is about to be sent: another process may have sent it since."""
