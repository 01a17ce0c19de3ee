"""PyMuPDF, its networks on one thread each: import it from here.

Importing it loads the networks. ONNX Runtime reads no OMP_NUM_THREADS and would give each a thread per core, while the
worker processes already are the parallelism: 16 pages took 7.8 s of processor time so, and take 5.4 s.
"""

from __future__ import annotations

import onnxruntime

onnxruntime.disable_telemetry_events()  # Microsoft's, which is on by default; app/__init__.py says more


def _one_thread() -> onnxruntime.SessionOptions:
    options = _SessionOptions()
    options.intra_op_num_threads = 1
    return options


_SessionOptions = onnxruntime.SessionOptions
onnxruntime.SessionOptions = _one_thread
try:
    import pymupdf
    from pymupdf4llm.helpers.document_layout import parse_document
finally:
    onnxruntime.SessionOptions = _SessionOptions

__all__ = ["parse_document", "pymupdf"]
