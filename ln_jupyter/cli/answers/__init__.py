"""Questions about files: `where` one came from, which a run read and wrote (`run_files`), and the `lineage` of either."""
