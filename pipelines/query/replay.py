"""Why a question finds today what it does not find as it did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipelines.domain.manifests import Drift, DriftCause, Manifest, Replay, SourceStanding

Standings = Mapping[str, SourceStanding | None]
"""Of every document that an answer was made from; None: it is deleted, and they could read it then."""


def lost(then: Manifest, standings: Standings) -> Iterator[Drift]:
    """Documents that are not what they were."""
    used = {source.document_id for source in then.sources}
    for document_id, standing in sorted(standings.items()):
        if standing is None:
            yield Drift(DriftCause.DOCUMENT_DELETED, document_id)
        elif not standing.readable:
            yield Drift(DriftCause.ACCESS_CHANGED, document_id)
        elif document_id in used and not any(
            source.version_id == standing.active_version_id for source in then.sources
        ):
            yield Drift(DriftCause.DOCUMENT_CHANGED, document_id)


def compare(then: Manifest, now: Manifest, standings: Standings) -> Replay:
    """What is the same, and a cause for all that is not."""
    found = list(lost(then, standings))
    if _builds(now) != _builds(then):
        found.append(Drift(DriftCause.GENERATION_CHANGED))
    if set(now.degraded) - set(then.degraded):
        found.append(Drift(DriftCause.INDEX_UNAVAILABLE))
    if now.settings != then.settings or now.top_k != then.top_k:
        found.append(Drift(DriftCause.SETTINGS_CHANGED))
    same = [source[:4] for source in then.sources] == [source[:4] for source in now.sources]
    if not same and not found:
        grown = _revisions(now) != _revisions(then)
        found.append(Drift(DriftCause.COLLECTION_CHANGED if grown else DriftCause.SEARCH_CHANGED))
    if then.prompt_sha256:  # a model was asked
        if (now.model, now.model_digest) != (then.model, then.model_digest):
            found.append(Drift(DriftCause.MODEL_CHANGED))
        if now.template != then.template or (same and now.prompt_sha256 != then.prompt_sha256):
            found.append(Drift(DriftCause.PROMPT_CHANGED))
    return Replay(same, tuple(found), now.sources)


def _builds(manifest: Manifest) -> list[str]:
    return [manifest.generation_id, *(each.generation_id for each in manifest.also)]


def _revisions(manifest: Manifest) -> list[int]:
    return [manifest.revision, *(each.revision for each in manifest.also)]
