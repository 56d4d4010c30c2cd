"""Web pages read with lxml, in a process of their own."""
