"""Build recipe: the compiled twins, the packages and the data files of the wheel.

Every `stream_relay/**/x.py` that has an `_x.pxd` beside it is compiled under the private name `_x`;
the plain module stays importable, so tests run on both. Where an `_x.pyx` lies beside them, that is
the compiled side: memory and system calls have no plain form.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

ROOT = Path(__file__).parent
C_FILES = ROOT / "build" / "cython"
OPTIMISE = os.environ.get("TWINS_OPTIMISE", "-O2")
PACKAGES = ["vms", "sip", "stream_relay", "analytics", "channel_registry", "web"]


def compiled_twins() -> list[Extension]:
    """One extension per module that has its C types written down in a `_name.pxd`."""
    twins = []
    all_types = sorted((ROOT / "stream_relay").rglob("_*.pxd"))
    newest = max(types.stat().st_mtime for types in all_types)
    for types in all_types:
        compiled = types.with_suffix(".pyx")
        source = compiled if compiled.exists() else types.with_name(types.stem[1:] + ".py")
        name = ".".join(types.relative_to(ROOT).with_suffix("").parts)
        path = str(source.relative_to(ROOT))
        # Cython looks for the types of `x.py` in `x.pxd` and so misses that they have changed.
        made = C_FILES / types.relative_to(ROOT).with_name(source.stem + ".c")
        if made.exists() and made.stat().st_mtime < newest:
            made.unlink()
        twins.append(Extension(name, [path], extra_compile_args=[OPTIMISE]))
    return wanted(twins)


def wanted(twins: list[Extension]) -> list[Extension]:
    """All of them, or those that the variable TWINS names; none where it is empty."""
    names = os.environ.get("TWINS")
    return twins if names is None else [twin for twin in twins if twin.name in names.split()]


setup(
    name="fengsui-vms",
    version="0.1.0",
    description="GB/T 28181 video management platform for mines and chemical plants",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=[p for name in PACKAGES for p in (name, f"{name}.*")]),
    package_data={
        "": ["*.pxd", "*.csv", "*.toml", "*.json", "README.md"],
        "web": ["templates/**", "static/**", "locale/**"],
    },
    install_requires=[
        "aiohttp>=3.12,<4",
        "apscheduler>=3.11,<4",
        "argon2-cffi>=25",
        "av>=16,<19",
        "cryptography>=44",
        "jinja2>=3.1",
        "numpy>=2,<3",
        "onnxruntime>=1.20",
        "opencv-python-headless>=4.10,<6",
        "peewee>=4.5,<5",
        "Pillow>=11",
        "psycopg[binary]>=3.2",
        "pydantic>=2.11,<3",
        "pydantic-settings>=2.9,<3",
    ],
    extras_require={
        # AGPL-3.0: whoever installs this extra and offers the service takes on that licence.
        "yolo": ["ultralytics"],
        "dev": [
            "ffmpeg-python>=0.2",
            "hypothesis",
            "import-linter",
            "mypy",
            "openapi-spec-validator",
            "playwright",
            "pytest",
            "pytest-asyncio",
            "pytest-timeout",
            "pytest-rerunfailures",
            "pytest-xdist",
            "ruff",
        ],
    },
    entry_points={
        "console_scripts": ["vms = vms.cli:main"],
        "vms.analytics": ["intrusion = analytics.plugins.intrusion.plugin:IntrusionPlugin"],
    },
    ext_modules=cythonize(
        compiled_twins(),
        build_dir=str(C_FILES.relative_to(ROOT)),
        compiler_directives={"language_level": "3", "annotation_typing": False},
        nthreads=os.cpu_count() or 1,
    ),
    zip_safe=False,
)
