"""The rim that speaks to the operating system: child processes, accounts, locks on folders."""
