"""One module per kind of load. A scenario takes a `World` and gives figures by name."""
