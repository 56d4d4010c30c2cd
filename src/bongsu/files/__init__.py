"""The rim that keeps media in files, shared by all processes of one machine."""
