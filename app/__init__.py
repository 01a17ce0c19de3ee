"""The edge of the product: HTTP, command line, adapters, use cases."""

import os

# Nothing of ours calls home. Since 1.29 ONNX Runtime's Linux builds do, from native threads, unless this is set before the
# library is loaded; here is before everything, in the server, its workers and the command line.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
