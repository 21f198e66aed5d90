"""What hatchling does beyond packing files: a wheel holds the native library, and says for which machine it is."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class NativeLibrary(BuildHookInterface):
    """Makes the native library (`best_sim.engine.shipping`) where what it takes is installed, numba above all.

    A wheel without it is as good, for any machine, and compiles at its first use. `pip wheel --no-build-isolation .`,
    as `make wheel` has it, builds where the package's own libraries are. An empty `BEST_SIM_NATIVE` asks for none.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is packed; an editable installation is left as it is."""
        if version == "editable" or platform.system() != "Linux" or os.environ.get("BEST_SIM_NATIVE") == "":
            return
        folder = Path(self.root, "build", "native")
        done = subprocess.run(
            [sys.executable, "shipping/make.py", "native", str(folder)],
            cwd=self.root, env={**os.environ, "PYTHONPATH": self.root}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            reason = (done.stderr.strip() or "no reason is given").splitlines()[-1]
            self.app.display_warning(
                f"a wheel without the native library, for it cannot be made here: {reason}"
            )
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-manylinux_2_17_{platform.machine()}"
        for file in folder.iterdir():
            build_data["force_include"][str(file)] = f"best_sim/_native/{file.name}"
