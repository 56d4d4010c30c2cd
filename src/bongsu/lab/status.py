"""How the lab is, asked of everything at once: quick even when sites are dead or hung."""

import asyncio
from pathlib import Path
from typing import Any

from bongsu.lab import isolation, process_table
from bongsu.lab.component import Component, State
from bongsu.lab.launch import is_kept
from bongsu.lab.process_table import KEEPER, Process
from bongsu.lab.sites import components
from bongsu.lab.topology import Lab, Site

Status = dict[str, Any]
"""As `--json` shows it:

    {"primary": "a" or null, "isolated": false, "cuts": [["a", "b"], …],
     "sites": {"a": {"address": "127.0.1.1", "state": "up|hung|down|part", "kept": true,
                     "urls": ["http://127.0.1.1:8008"], "desk": "http://127.0.1.1:8016",
                     "components": {"etcd": {"state": "up", "pids": 1, "leader": true}, …}}}}

A component's state: `up` (it answers), `silent` (it runs and does not answer), `hung` (all of it
is stopped), `down`. The rest is what it says of itself, see its `look`. Patroni's `lag_bytes` is
the WAL that a replica has yet to replay, by what the primary said in the same moment.
"""


async def look(lab: Lab) -> Status:
    """The whole lab now, within about half a second."""
    found = {site.name: process_table.processes(Path(site.folder)) for site in lab.sites}
    shown = await asyncio.gather(*(_site(lab, site, found[site.name]) for site in lab.sites))
    sites = {site.name: state for site, state in zip(lab.sites, shown, strict=True)}
    primary = _primary(sites)
    _add_lag(sites, primary)
    cuts = sorted(isolation.cuts(lab)) if lab.isolated else []
    return {"primary": primary, "isolated": lab.isolated, "cuts": cuts, "sites": sites}


async def _site(lab: Lab, site: Site, processes: list[Process]) -> dict[str, Any]:
    wanted = components(lab)
    answers = await asyncio.gather(*(component.look(lab, site) for component in wanted))
    found = {
        component.name: _component(component, answer, processes)
        for component, answer in zip(wanted, answers, strict=True)
    }
    return {
        "address": site.address,
        "state": _overall(processes, found),
        "kept": is_kept(site),
        "urls": lab.node_urls(site),
        "desk": lab.desk_url(site),
        "components": found,
    }


def _component(component: Component, answer: State, processes: list[Process]) -> State:
    own = [process for process in processes if process.component == component.name]
    if not own:
        state = "down"
    elif all(process.stopped for process in own):
        state = "hung"
    else:
        state = "up" if answer else "silent"
    return {"state": state, "pids": len(own), **(answer if state == "up" else {})}


def _overall(processes: list[Process], found: dict[str, State]) -> str:
    if not [process for process in processes if process.component != KEEPER]:
        return "down"
    if all(process.stopped for process in processes):
        return "hung"
    return "up" if all(state["state"] == "up" for state in found.values()) else "part"


def _primary(sites: dict[str, Any]) -> str | None:
    """Of those who take themselves for the primary, the one of the newest timeline."""
    claims = [
        (patroni["timeline"] or 0, name)
        for name, site in sites.items()
        if (patroni := site["components"]["patroni"]).get("role") == "primary"
    ]
    return max(claims)[1] if claims else None


def _add_lag(sites: dict[str, Any], primary: str | None) -> None:
    if primary is None:
        return
    head = sites[primary]["components"]["patroni"]["location"]
    for site in sites.values():
        patroni = site["components"]["patroni"]
        if "location" in patroni:
            patroni["lag_bytes"] = max(0, head - patroni["location"])
