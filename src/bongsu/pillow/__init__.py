"""The rim that makes thumbnails with Pillow, each in a process of its own."""
