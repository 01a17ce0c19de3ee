"""An example or two of each command, shown by its --help and in the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

EXAMPLES: Mapping[str, Sequence[str]] = {
    "ask": (
        'cairn ask "How long is parental leave?"',
        'cairn ask "What was decided on parking?" -c minutes -c papers --from 2026-01-01',
        'cairn ask "What does clause 7 say?" --document DOC_ID --json | jq .citations',
    ),
    "audit export": ("cairn audit export > audit.jsonl", "cairn audit export --after 5000"),
    "audit verify": ("cairn audit verify", "cairn audit verify --public-key BASE64"),
    "backup": ("cairn backup /srv/backups",),
    "caches clear": ("cairn caches clear",),
    "caches show": ("cairn caches show --json",),
    "chat": ("cairn chat -c handbook",),
    "collections answering": ("cairn collections answering papers --unsupported flag --task summarise",),
    "collections create": ("cairn collections create board --reader group:board",),
    "collections list": ("cairn collections list",),
    "collections readers": ("cairn collections readers board group:board user:ada",),
    "collections retention": (
        "cairn collections retention mail --days 365",
        "cairn collections retention mail --forever",
    ),
    "demo": ("cairn demo", 'cairn demo report.pdf --ask "What does it cost?"'),
    "doctor": ("cairn doctor", "cairn doctor --json | jq .checks"),
    "documents delete": ("cairn documents delete DOC_ID",),
    "documents list": ("cairn documents list -c papers", "cairn documents list --limit 200 --json"),
    "documents rename": ('cairn documents rename DOC_ID "Annual report"',),
    "documents share": ("cairn documents share DOC_ID group:finance user:bob",),
    "documents show": ("cairn documents show DOC_ID --json",),
    "erase person": ("cairn erase person ada",),
    "erase show": ("cairn erase show ORDER_ID",),
    "erase tenant": ("cairn erase tenant acme --yes",),
    "erasures show": ("cairn erasures show ERASURE_ID --public-key BASE64",),
    "evaluate": ("cairn evaluate questions.jsonl -c papers", "cairn evaluate --compare RUN RUN"),
    "golden calibrate": ("cairn golden calibrate papers --risk 0.1",),
    "golden put": ("cairn golden put questions.jsonl -c papers",),
    "golden remove": ("cairn golden remove -c papers",),
    "golden show": ("cairn golden show -c papers > questions.jsonl",),
    "index rebuild": ("cairn index rebuild", "cairn index rebuild papers"),
    "index reconcile": ("cairn index reconcile",),
    "index reindex": ("cairn index reindex papers --embedding-model ollama/embeddinggemma",),
    "ingest": (
        "cairn ingest report.pdf",
        "cairn ingest ~/Documents -c papers -j 8",
        "cairn ingest minutes/ --reader group:board --watch --delete",
        "cairn ingest archive.zip --unpack",
    ),
    "inspect": ("cairn inspect report.pdf --draw pages/",),
    "jobs": ("cairn jobs", "cairn jobs --status failed --json"),
    "jobs follow": ("cairn jobs follow JOB_ID",),
    "jobs retry": ("cairn jobs retry JOB_ID",),
    "jobs show": ("cairn jobs show JOB_ID | jq .steps",),
    "keys create": ('cairn keys create "Ada\'s laptop" --user ada --group finance --role editor --days 90',),
    "keys first": ("export CAIRN_API_KEY=$(cairn keys first)",),
    "keys list": ("cairn keys list",),
    "keys revoke": ("cairn keys revoke KEY_ID",),
    "keys rotate": ("cairn keys rotate KEY_ID --grace-hours 24",),
    "login": ("cairn login https://cairn.example.org", "pass show cairn | cairn login https://cairn.example.org"),
    "logout": ("cairn logout", "cairn logout https://cairn.example.org"),
    "mcp": ("cairn mcp",),
    "migrate": ("cairn migrate", "cairn migrate --grant cairn_serving"),
    "pii check": ("cairn pii check report.pdf --policy strict",),
    "pii policy": ("cairn pii policy papers --preset strict --rule PERSON=keep",),
    "pii redo": ("cairn pii redo papers",),
    "pii report": ("cairn pii report DOC_ID",),
    "pii reveal": ("cairn pii reveal DOC_ID PLACEHOLDER",),
    "restore": ("cairn restore /srv/backups/cairn-20260301",),
    "search": (
        'cairn search "parental leave" -k 3',
        'cairn search "invoice" -c finance --metadata client=acme --metadata client=globex',
    ),
    "serve": ("cairn serve", "cairn serve --host 0.0.0.0 --port 8080 --data-dir /srv/cairn"),
    "sources add": ("cairn sources add /srv/documents/policies -c default",),
    "sources list": ("cairn sources list",),
    "sources remove": ("cairn sources remove SOURCE_ID --documents",),
    "sources sync": ("cairn sources sync SOURCE_ID --retry-problems",),
    "whoami": ("cairn whoami",),
    "tenants create": ("cairn tenants create acme",),
    "tenants list": ("cairn tenants list",),
}


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words: Typer's own kind."""
    below = getattr(command, "commands", {})
    if not below or command.invoke_without_command:
        yield " ".join(path), command
    for name, each in below.items():
        yield from leaves(each, (*path, name))


def teach(root: Any) -> Any:
    """The same command, whose --help shows examples."""
    for words, command in leaves(root):
        if words in EXAMPLES:
            shown = "\n".join(f"    {example}" for example in EXAMPLES[words])
            command.help = f"{(command.help or '').rstrip()}\n\n{shown}\n"
    return root
