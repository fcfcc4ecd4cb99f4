"""The numeric messenger: fixed-width frames between 13-digit numbers."""

from tertulia.protocols.numeric.service import NumericService
from tertulia.protocols.numeric.session import NumericConfig, NumericSession

__all__ = ["NumericConfig", "NumericService", "NumericSession"]
