"""Make the compiled pathway ready to ship: `python shipping/make.py native`, as `make native` does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import best_sim
from best_sim.engine.compiled_driver import shipped_kernel
from best_sim.engine.shipping import SETTINGS, ShippingError, make_native, make_wasm
from best_sim.pathway.model import PATHWAY


def native(folder: Path = Path(best_sim.__file__).parent / "_native") -> None:
    """Make the native library, unless the one that is there is of this source."""
    os.environ["BEST_SIM_NATIVE"] = str(folder)
    if shipped_kernel(PATHWAY) is not None:
        print("The native library is of this source already.")
        return
    print("Compiling the pathway for every processor of this kind; some forty seconds ...", flush=True)
    make_native(PATHWAY, folder)


def wasm(folder: Path = Path("build/wasm")) -> None:
    """Make the WebAssembly module and the table of its records."""
    print("Compiling the pathway for WebAssembly; some forty seconds ...", flush=True)
    make_wasm(PATHWAY, folder)


MAKES = {"native": native, "wasm": wasm}


def main() -> None:
    """Make what the command line asks for, in the package's folder or in the one that is given."""
    _, kind, *folder = sys.argv
    if any(os.environ.get(name) != value for name, value in SETTINGS.items()):
        again = subprocess.run([sys.executable, *sys.argv], env={**os.environ, **SETTINGS}, check=False)
        sys.exit(again.returncode)
    try:
        MAKES[kind](*map(Path, folder))
    except ShippingError as error:
        sys.exit(f"best_sim: {error}")


if __name__ == "__main__":
    main()
