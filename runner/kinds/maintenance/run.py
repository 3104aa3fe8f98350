"""Runs a maintenance job: one database after the other, as long as there is time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.api import Job, Outcome, RunContext, ServerFacts, TargetError, skipped, unknown
from runner.kinds.maintenance.budget import Budget, budget_of
from runner.kinds.maintenance.calls import Call, calls_of
from runner.kinds.maintenance.estimate import estimates
from runner.kinds.maintenance.outcome import outcome_of, planned
from runner.kinds.maintenance.spec import MaintenanceSpec
from runner.kinds.maintenance.verify import verify
from runner.kinds.maintenance.visit import Visit, Visitor


def run(context: RunContext, job: Job) -> Outcome:
    """Does the steps in every database of the job and proves what was done."""
    spec = job.spec
    assert isinstance(spec, MaintenanceSpec)
    server = context.server
    if not isinstance(server, ServerFacts):
        return unknown(server.message if server else "there is no server to work on")
    if server.in_recovery:
        return skipped("the server is a standby; maintenance is done on its primary and arrives by replication")
    calls = {database: calls_of(context, job, database, server.database) for database in context.databases}
    if not any(calls.values()):
        return skipped(f"no problem of {' or '.join(job.mends)} is open now")
    start = context.clock.elapsed()
    budget = budget_of(context, job, spec.limits)
    visits = _visits(context, job, spec, server, budget, calls)
    if context.dry_run and any(visit.planned for visit in visits):
        return planned(visits)
    seconds = context.clock.elapsed() - start
    verdicts = verify(context, job, spec.verify, visits) if spec.verify else ()
    return outcome_of(spec, visits, seconds, why_over=budget.why, verdicts=verdicts)


def _visits(
    context: RunContext,
    job: Job,
    spec: MaintenanceSpec,
    server: ServerFacts,
    budget: Budget,
    calls: Mapping[str, Sequence[Call] | str],
) -> list[Visit]:
    """What was done in each database; one that cannot be reached costs the others nothing."""
    known = estimates(context, job, {step.action for step in spec.steps})
    visits = []
    for database in context.databases:
        visit = Visit(database=database)
        visits.append(visit)
        wanted = calls[database]
        if isinstance(wanted, str):
            visit.obstacle = wanted
            continue
        if not wanted:
            # Looked at all the same: what an earlier run complained about here is over.
            continue
        if budget.is_over():
            visit.left = True
            continue
        try:
            session = context.session(database)
        except TargetError as error:
            visit.obstacle = error.message
            continue
        visitor = Visitor(
            context=context,
            job=job,
            spec=spec,
            server=server,
            budget=budget,
            estimates=known,
            session=session,
            visit=visit,
            calls=wanted,
        )
        try:
            visitor.run()
        finally:
            session.close()
    return visits
