"""Runs a maintenance job: one database after the other, as long as there is time."""

from __future__ import annotations

from runner.api import Job, Outcome, RunContext, ServerFacts, TargetError, skipped, unknown
from runner.kinds.maintenance.budget import budget_of
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
    start = context.clock.elapsed()
    budget = budget_of(context, job)
    visits = []
    for database in context.databases:
        visit = Visit(database=database)
        visits.append(visit)
        if budget.is_over():
            visit.left = True
            continue
        try:
            session = context.session(database)
        except TargetError as error:
            visit.obstacle = error.message
            continue
        Visitor(context=context, job=job, spec=spec, server=server, budget=budget, session=session, visit=visit).run()
    if context.dry_run and any(visit.planned for visit in visits):
        return planned(visits)
    seconds = context.clock.elapsed() - start
    verdicts = verify(context, job, spec.verify, visits) if spec.verify else ()
    return outcome_of(spec, visits, seconds, why_over=budget.why, verdicts=verdicts)
