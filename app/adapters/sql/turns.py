"""What conversations hold of a document that is erased."""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import Session, col, delete, select, update

from app.adapters.sql.models import FeedbackRow, TurnDocumentRow, TurnRow

_AT_ONCE = 500


def forget_document(session: Session, document_id: str) -> None:
    """Removes each turn that cites the document, and what later turns of its conversation may have taken from it."""
    citing = select(TurnDocumentRow.conversation_id, TurnDocumentRow.position).where(
        TurnDocumentRow.document_id == document_id
    )
    for conversation_id, position in session.exec(citing).all():
        for table in (TurnDocumentRow, TurnRow):
            session.exec(
                delete(table).where(col(table.conversation_id) == conversation_id, col(table.position) == position)
            )
        later = col(TurnRow.conversation_id) == conversation_id, col(TurnRow.position) > position
        session.exec(update(TurnRow).where(*later).values(standalone=TurnRow.question))


def said_without(session: Session, document_id: str) -> Iterator[str]:
    """What people asked, were answered and remarked where the document was not cited: it stays when that goes."""
    citing = select(TurnDocumentRow.document_id).where(
        TurnDocumentRow.conversation_id == TurnRow.conversation_id,
        TurnDocumentRow.position == TurnRow.position,
        TurnDocumentRow.document_id == document_id,
    )
    said = select(TurnRow.question, TurnRow.answer).where(~citing.exists())
    for question, answer in session.exec(said.execution_options(yield_per=_AT_ONCE)):
        yield question
        yield answer
    for comment in session.exec(select(FeedbackRow.comment).execution_options(yield_per=_AT_ONCE)):
        yield comment or ""
