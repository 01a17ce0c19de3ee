"""Vectors in Parquet files (https://parquet.apache.org), for backups: columns `chunk_id` and `vector` (32-bit floats)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.ports import Vectors


class ParquetFiles:
    """VectorFiles of app/services/recovery.py."""

    def write(self, path: Path, parts: Iterator[tuple[list[str], Vectors]]) -> int:
        """Each part, (n ids, (n, dimensions)), becomes a row group. Nothing is written for no vectors."""
        number, writer = 0, None
        try:
            for ids, vectors in parts:
                if not ids:
                    continue
                flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).ravel())
                column = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
                table = pa.table({"chunk_id": ids, "vector": column})
                writer = writer or pq.ParquetWriter(path, table.schema)
                writer.write_table(table)
                number += len(ids)
        finally:
            if writer is not None:
                writer.close()
        return number

    def read(self, path: Path) -> Iterator[tuple[list[str], Vectors]]:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                column = table["vector"].combine_chunks()
                vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(table), -1)
                yield table["chunk_id"].to_pylist(), vectors
