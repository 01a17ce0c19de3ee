"""Personal data out of what people write, before anything keeps it: questions, answers, titles, names of files."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath

from app.services.caching.unchanged import Unchanged
from pipelines.domain.access import Principal
from pipelines.domain.documents import Collection
from pipelines.domain.privacy import PiiPolicy
from pipelines.ingest.redact import policy_id, redact_text, tenant_key
from pipelines.ports import Catalog

_REMEMBERED = 1_024  # questions


class Redaction:
    """What the policies take out of texts. Sync, but for `asked`.

    `standard`: the policy of collections without one of their own. `names`: the folder of the operator's model for names.
    Everything raises SensitiveContent for what the policy refuses, and RedactionFailed: nothing goes on unredacted.
    """

    def __init__(self, catalog: Catalog, standard: PiiPolicy, key: bytes, names: str | None = None) -> None:
        self._catalog = catalog
        self._standard = replace(standard, names=names)
        self._names = names
        self._key = key
        self._known: Unchanged[tuple[str, str], Collection] = Unchanged(catalog)
        self._asked: OrderedDict[tuple[str, str, str], str] = OrderedDict()  # in this process's memory, nowhere else

    def policy(self, collection: Collection) -> PiiPolicy:
        return self._standard if collection.pii is None else replace(collection.pii, names=self._names)

    def key(self, tenant_id: str) -> bytes:
        return tenant_key(self._key, tenant_id)

    def text(self, collection: Collection | str, text: str) -> str:
        """`collection`: or a tenant's id, for what belongs to none."""
        if isinstance(collection, str):
            return redact_text(text, self._standard, self.key(collection))[0]
        return redact_text(text, self.policy(collection), self.key(collection.tenant_id))[0]

    def filename(self, collection: Collection, name: str) -> str:
        """In names "_" stands for a space, and no mark does that a file system forbids."""
        path = PurePath(name)
        spaced = path.stem.replace("_", " ")
        redacted = self.text(collection, spaced)
        return name if redacted == spaced else redacted.translate(_BRACKETS) + path.suffix

    def metadata(self, collection: Collection, metadata: Mapping[str, str]) -> dict[str, str]:
        return {name: self.text(collection, value) for name, value in metadata.items()}

    async def asked(self, principal: Principal, collection: str, text: str) -> str:
        """A question without personal data. One to a collection that is not there stays: it is asked of nobody."""
        found = self._known.get((principal.tenant_id, collection)) or await asyncio.to_thread(
            self._look_up, principal, collection
        )
        if found is None:
            return text
        asked = (found.id, policy_id(self.policy(found)), text)
        if asked not in self._asked:
            while len(self._asked) >= _REMEMBERED:
                self._asked.popitem(last=False)
            self._asked[asked] = await asyncio.to_thread(self.text, found, text)
        return self._asked[asked]

    def _look_up(self, principal: Principal, name: str) -> Collection | None:
        now = self._known.now
        with self._catalog.read(principal) as uow:
            found = uow.collections.by_name(principal.tenant_id, name)
        if found is not None:
            self._known.put((principal.tenant_id, name), found, now)
        return found


_BRACKETS = str.maketrans("", "", "<>*")
