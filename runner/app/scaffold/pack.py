"""A new distribution with checks for the catalogue: YAML, and one hook."""

from __future__ import annotations

SUMMARY = "Checks for the catalogue"

USE = """\
```yaml
# checks.d/@word@.yaml
schedule: hourly
jobs:
  - use: @name@.many-tables
```

`runner catalogue list '@name@.*'` shows what there is.
"""

PACKAGE = '''\
"""What this plugin adds to runner: the catalogue files in its folder `checks`."""

from __future__ import annotations

from importlib.resources import files

from runner.api import CheckPack, hookimpl

__runner_api__ = (1, 0)


@hookimpl
def runner_register_check_packs() -> list[CheckPack]:
    return [
        CheckPack(
            name="@name@",
            version="0.1.0",
            root=files("@package@") / "checks",
            summary="@summary@",
        )
    ]
'''

CHECKS = """\
title: Checks of @name@
jobs:
  - check: @name@.many-tables
    title: A schema has very many tables
    description: |
      Thousands of tables make planning, dumps and upgrades slow. They often come from partitions that nobody drops.
    for_each: database
    key: [schema]
    columns: {tables: count}
    sql: |
      select schemaname as schema, count(*) as tables
      from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')
      group by schemaname
    warning: tables > 10_000
    message: "{{ schema }} has {{ tables | count }} tables"
    tests:
      - {name: usual, rows: [{schema: public, tables: 200}], expect: ok}
      - name: too many
        rows: [{schema: public, tables: 10001}, {schema: other, tables: 3}]
        expect: {warning: [public]}
"""

TEST = '''\
"""The plugin, and every check of its pack."""

from __future__ import annotations

import @package@ as plugin
from runner.testing import CheckPackContract, PluginContract, RunnerHome

(PACK,) = plugin.runner_register_check_packs()


class TestPlugin(PluginContract):
    """Inherits the tests of every plugin."""

    plugin = plugin


class TestPack(CheckPackContract):
    """Inherits the tests of every check pack; they run the `tests:` of its checks too."""

    pack = PACK


def test_the_catalogue_lists_it(runner_home: RunnerHome) -> None:
    called = runner_home.runner("catalogue", "list", "@name@.*")
    assert called.code == 0, called.err
    assert "@name@.many-tables" in called.out
'''
