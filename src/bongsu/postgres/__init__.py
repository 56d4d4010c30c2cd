"""The rim that speaks SQL: the embedded engine, connections, the pen, one store per table group."""
