"""Where facts come in: POST /ingest."""
