"""The queue M/M/c in its steady state."""

from __future__ import annotations

import math


def erlang_c(load: float, servers: int) -> float:
    """Probability that an arrival has to wait, in the queue M/M/c.

    Parameters
    ----------
    load : float
        Arrival rate times mean service time, in servers (Erlangs).
    servers : int
        Number c of servers.

    Returns
    -------
    float
        1 where the load is at least the number of servers: the queue then grows for ever.

    Notes
    -----
    Assumes Poisson arrivals, exponential service times, one unlimited queue, and a steady state. From
    Erlang's loss formula by its stable recursion. Gross, Shortle, Thompson & Harris (2008) Fundamentals of
    Queueing Theory, chapter 2.
    """
    if load >= servers:
        return 1.0
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = load * blocked / (server + load * blocked)
    return servers * blocked / (servers - load * (1.0 - blocked))


def mean_wait(arrival_rate: float, mean_service: float, servers: int) -> float:
    """Mean time in the queue M/M/c before service begins, over all arrivals, those who do not wait included.

    Parameters
    ----------
    arrival_rate : float
        Arrivals per unit of time.
    mean_service : float
        Mean service time, in the same unit.
    servers : int
        Number of servers.

    Returns
    -------
    float
        In the unit of `mean_service`; infinite where the load is at least the number of servers. Times
        `arrival_rate`, the mean length of the queue (Little 1961).

    Notes
    -----
    Assumes, and cites, what :func:`erlang_c` does. Order of service does not matter.
    """
    load = arrival_rate * mean_service
    waits = erlang_c(load, servers)
    return math.inf if load >= servers else waits * mean_service / (servers - load)
