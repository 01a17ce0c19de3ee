"""`cairn ingest`: files and folders, many at once, again and again, without sending anything twice."""
