"""What stands between a question and the language model, each a ChatModel around another: queue, breaker, retry, pace."""

from app.services.chat.breaker import BreakingChat
from app.services.chat.paced import PacedChat
from app.services.chat.queue import QueuedChat, in_line
from app.services.chat.retrying import RetryingChat

__all__ = ["BreakingChat", "PacedChat", "QueuedChat", "RetryingChat", "in_line"]
