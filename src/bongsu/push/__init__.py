"""Push rules and pushers: which event notifies whom, and where the notice is to be sent.

Owns the rules' data model and defaults (`rules`, `default_rules`), a person's changes to them
(`ruleset`, `service`), their evaluation (`conditions`, `glob`, `facts`, `evaluate`), what the log
keeps of them on each event so that counts need no fan-out (`notify_class`), and the list of pushers
(`pushers`). All but the two services is pure. Matrix spec, client-server API, "Push Notifications".
"""
