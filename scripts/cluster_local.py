"""The cluster on one machine, without containers: PostgreSQL, Redis, a Chroma server, an S3 server, a workflow engine, two API
processes and a worker behind nginx. Under load each of them is killed and started again; then everything must be there.

    .venv/bin/python scripts/cluster_local.py                 # the drill; prints figures as JSON, exit code 1 if anything is lost
    .venv/bin/python scripts/cluster_local.py --rolling       # the processes of Cairn are replaced under 20 questions/s
    .venv/bin/python scripts/cluster_local.py --hold          # only starts it, for you to use, until Ctrl-C

The engine is the Inngest server named by INNGEST_BIN, else the embedded executor in a process of its own. Needs PostgreSQL's
programs, redis-server and nginx (Debian: postgresql redis-server nginx-light).
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path

from cluster.drills import drill, rolling
from cluster.parts import KEY, Cluster


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hold", action="store_true", help="start it and wait")
    parser.add_argument("--rolling", action="store_true", help="replace the processes of Cairn one by one")
    parser.add_argument("--per-second", type=float, default=20, help="questions, while they are replaced")
    parser.add_argument("--outage", type=float, default=3, help="seconds that each part is gone")
    parser.add_argument("--calm", type=float, default=5, help="seconds between outages")
    parser.add_argument("--every", type=float, default=0.3, help="seconds between uploads, and between questions")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cairn-cluster-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        cluster = Cluster(folder)
        try:
            cluster.start()
            if arguments.hold:
                print(f"{cluster.url}  key {KEY}", flush=True)
                signal.sigwait({signal.SIGINT, signal.SIGTERM})
                return
            if arguments.rolling:
                report = rolling(cluster, arguments.per_second)
            else:
                report = drill(cluster, arguments.outage, arguments.calm, arguments.every)
        except BaseException:
            for part in cluster.parts.values():
                log = folder / f"{part.name}.log"
                if log.exists():
                    print(f"--- {part.name}\n{log.read_text(errors='replace')[-1500:]}", file=sys.stderr)
            raise
        finally:
            cluster.stop()
    print(json.dumps(report, indent=1))
    sys.exit(1 if report["lost"] or report.get("failed") else 0)


if __name__ == "__main__":
    main()
