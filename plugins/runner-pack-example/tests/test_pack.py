"""The pack keeps the contract, and its checks stand in the catalogue where it is installed."""

from __future__ import annotations

import runner_pack_example as plugin

from runner.testing import CheckPackContract, PluginContract

(PACK,) = plugin.runner_register_check_packs()


class TestPlugin(PluginContract):
    plugin = plugin


class TestPack(CheckPackContract):
    pack = PACK
