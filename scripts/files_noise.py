"""Run ten notebooks of different kinds in real kernels, and compare what their runs read and wrote with what they say.

    python3 -m venv .venv-noise
    .venv-noise/bin/pip install -e . nbclient anndata cftime geopandas h5netcdf joblib matplotlib netCDF4 openpyxl \
        pillow polars pyarrow pyogrio scikit-learn xarray zarr
    .venv-noise/bin/python scripts/files_noise.py [NAME ...]

It prints the table that docs/how-to/files-that-are-not-seen.md shows, and each file that is missing or false. It ends
with 1 if there is any that is not among those known to be unseen.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import NamedTuple

import nbclient
import nbformat
from nbformat.v4 import new_code_cell, new_notebook


class Notebook(NamedTuple):
    """A notebook, with the files that it reads and writes.

    Attributes:
        data: What makes the files that are there before, as a script.
        cells: Parted by lines of three signs of percent.
        reads: The data files that a person would name.
        writes: Likewise.
        unseen: Those of them that are known to be missing.
    """

    data: str
    cells: str
    reads: str
    writes: str
    unseen: str = ""


NOTEBOOKS = {
    "pandas": Notebook(
        """
        import json, pandas as pd
        from pathlib import Path
        Path("data").mkdir()
        frame = pd.DataFrame({"day": pd.date_range("2026-01-01", periods=90), "shop": list("abc") * 30, "sold": range(90)})
        frame.to_csv("data/sales.csv", index=False)
        frame.iloc[:30].to_csv("data/january.csv.gz", index=False)
        pd.DataFrame({"shop": list("abc"), "region": ["N", "S", "N"]}).to_excel("data/regions.xlsx", index=False)
        Path("config.json").write_text(json.dumps({"shops": ["a", "b"]}))
        """,
        """
        import json
        from pathlib import Path
        import pandas as pd
        pd.set_option("display.max_rows", 20)
        config = json.loads(Path("config.json").read_text())
        %%%
        sales = pd.read_csv("data/sales.csv", parse_dates=["day"])
        january = pd.read_csv("data/january.csv.gz")
        regions = pd.read_excel("data/regions.xlsx")
        sales.head()
        %%%
        merged = sales[sales.shop.isin(config["shops"])].merge(regions, on="shop")
        summary = merged.groupby(["region", merged.day.dt.month]).sold.sum().reset_index()
        summary
        %%%
        Path("out").mkdir(exist_ok=True)
        summary.to_csv("out/summary.csv", index=False)
        merged.to_parquet("out/merged.parquet")
        with pd.ExcelWriter("out/report.xlsx") as book:
            summary.to_excel(book, sheet_name="all")
            january.describe().to_excel(book, sheet_name="january")
        merged.to_pickle("out/merged.pkl")
        %%%
        assert len(pd.read_parquet("out/merged.parquet")) == len(merged)
        """,
        "config.json data/sales.csv data/january.csv.gz data/regions.xlsx",
        "out/summary.csv out/merged.parquet out/report.xlsx out/merged.pkl",
    ),
    "polars": Notebook(
        """
        import polars as pl
        from pathlib import Path
        Path("logs").mkdir()
        for day in range(3):
            pl.DataFrame({"host": ["a", "b"] * 50, "ms": list(range(100))}).write_csv(f"logs/day-{day}.csv")
        pl.DataFrame({"host": ["a", "b"], "site": ["x", "y"]}).write_parquet("hosts.parquet")
        """,
        """
        import polars as pl
        logs = pl.scan_csv("logs/*.csv")
        hosts = pl.read_parquet("hosts.parquet")
        %%%
        slow = logs.filter(pl.col("ms") > 50).join(hosts.lazy(), on="host").group_by("site").agg(pl.len(), pl.mean("ms"))
        slow.collect()
        %%%
        slow.sink_parquet("slow.parquet")
        logs.collect().write_ndjson("all.ndjson")
        slow.collect().write_csv("slow.csv")
        %%%
        pl.read_parquet("slow.parquet")
        """,
        "logs/day-0.csv logs/day-1.csv logs/day-2.csv hosts.parquet",
        "slow.parquet all.ndjson slow.csv",
    ),
    "scikit-learn": Notebook(
        """
        import numpy as np, pandas as pd
        data = np.random.default_rng(1)
        pd.DataFrame({"x": data.normal(size=300), "y": data.normal(size=300), "label": np.arange(300) % 2}).to_csv("train.csv")
        """,
        """
        import json
        import joblib, pandas as pd
        from sklearn.datasets import load_iris
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.model_selection import GridSearchCV, train_test_split
        %%%
        iris = load_iris(as_frame=True).frame
        train = pd.read_csv("train.csv", index_col=0)
        left, right = train_test_split(train, random_state=1)
        %%%
        search = GridSearchCV(RandomForestClassifier(n_estimators=5), {"max_depth": [2, 3]}, n_jobs=2, cv=2)
        search.fit(left[["x", "y"]], left["label"])
        %%%
        joblib.dump(search.best_estimator_, "model.joblib", compress=3)
        with open("metrics.json", "w") as file:
            json.dump({"score": search.score(right[["x", "y"]], right["label"])}, file)
        right.assign(found=joblib.load("model.joblib").predict(right[["x", "y"]])).to_csv("found.csv")
        """,
        "train.csv",
        "model.joblib metrics.json found.csv",
    ),
    "matplotlib": Notebook(
        """
        import numpy as np
        import matplotlib; matplotlib.use("agg")
        import matplotlib.pyplot as plt
        np.savetxt("signal.txt", np.sin(np.linspace(0, 9, 200)))
        np.savez("more.npz", a=np.arange(9))
        plt.imsave("logo.png", np.zeros((8, 8)))
        """,
        """
        %matplotlib inline
        import numpy as np
        import matplotlib.pyplot as plt
        signal = np.loadtxt("signal.txt")
        more = np.load("more.npz")["a"]
        %%%
        plt.style.use("ggplot")
        fig, (left, right) = plt.subplots(1, 2)
        left.plot(signal, label=r"$\\sin x$")
        left.set_title("Signal \\u00e4\\u4e2d")
        left.legend()
        right.imshow(plt.imread("logo.png"))
        %%%
        fig.savefig("figure.png", dpi=80)
        fig.savefig("figure.pdf")
        fig.savefig("figure.svg")
        plt.show()
        """,
        "signal.txt more.npz logo.png",
        "figure.png figure.pdf figure.svg",
    ),
    "geopandas": Notebook(
        """
        import geopandas as gpd
        from shapely.geometry import Point, box
        gpd.GeoDataFrame({"n": [1, 2]}, geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1)], crs=4326).to_file("areas.gpkg")
        gpd.GeoDataFrame({"n": [1]}, geometry=[Point(0.5, 0.5)], crs=4326).to_file("wells.shp")
        """,
        """
        import geopandas as gpd
        areas = gpd.read_file("areas.gpkg")
        wells = gpd.read_file("wells.shp")
        %%%
        joined = areas.to_crs(3857).sjoin(wells.to_crs(3857))
        joined.plot()
        %%%
        joined.drop(columns="index_right").to_file("joined.geojson", driver="GeoJSON")
        joined.to_parquet("joined.parquet")
        """,
        "areas.gpkg wells.shp",
        "joined.geojson joined.parquet",
    ),
    "anndata": Notebook(
        """
        import anndata as ad, numpy as np, pandas as pd
        cells = np.random.default_rng(1).poisson(1.0, (50, 20)).astype("float32")
        ad.AnnData(cells).write_h5ad("counts.h5ad")
        pd.DataFrame({"batch": list("ab") * 25}, index=[str(n) for n in range(50)]).to_csv("samples.csv")
        """,
        """
        import anndata as ad, numpy as np, pandas as pd
        counts = ad.read_h5ad("counts.h5ad")
        samples = pd.read_csv("samples.csv", index_col=0)
        samples.index = samples.index.astype(str)
        %%%
        counts.obs = counts.obs.join(samples)
        counts.layers["log"] = np.log1p(counts.X)
        %%%
        counts.write_h5ad("normal.h5ad", compression="gzip")
        counts.write_zarr("normal.zarr")
        counts.to_df().to_csv("table.csv")
        """,
        "counts.h5ad samples.csv",
        "normal.h5ad normal.zarr table.csv",
    ),
    "xarray": Notebook(
        """
        import numpy as np, pandas as pd, xarray as xr
        for year in (2024, 2025):
            days = pd.date_range(f"{year}-01-01", periods=30)
            xr.Dataset({"t": (("time", "x"), np.ones((30, 4)))}, {"time": days}).to_netcdf(f"t{year}.nc")
        xr.Dataset({"mask": ("x", [1, 0, 1, 1])}).to_zarr("mask.zarr")
        """,
        """
        import xarray as xr
        years = [xr.open_dataset(f"t{year}.nc") for year in (2024, 2025)]
        mask = xr.open_zarr("mask.zarr", chunks=None)
        both = xr.concat(years, "time")
        %%%
        monthly = both.where(mask.mask > 0).resample(time="MS").mean()
        monthly
        %%%
        monthly.to_netcdf("monthly.nc")
        monthly.to_zarr("monthly.zarr")
        both.t.mean("x").to_dataframe().to_csv("mean.csv")
        """,
        "t2024.nc t2025.nc mask.zarr",
        "monthly.nc monthly.zarr mean.csv",
    ),
    "PIL": Notebook(
        """
        from pathlib import Path
        from PIL import Image
        Path("photos").mkdir()
        for number in range(3):
            Image.new("RGB", (64, 48), (number * 80, 0, 0)).save(f"photos/{number}.jpg")
        """,
        """
        from pathlib import Path
        from PIL import Image, ImageDraw, ImageFont
        photos = sorted(Path("photos").glob("*.jpg"))
        Path("small").mkdir(exist_ok=True)
        %%%
        sizes = {}
        for photo in photos:
            with Image.open(photo) as image:
                image.thumbnail((16, 16))
                ImageDraw.Draw(image).text((1, 1), photo.stem, font=ImageFont.load_default())
                image.save(Path("small") / f"{photo.stem}.png")
                sizes[photo.name] = image.size
        Image.open("small/0.png")
        %%%
        Path("sizes.txt").write_text("\\n".join(f"{name} {size}" for name, size in sizes.items()))
        """,
        "photos/0.jpg photos/1.jpg photos/2.jpg",
        "small/0.png small/1.png small/2.png sizes.txt",
    ),
    "sqlite": Notebook(
        """
        import sqlite3
        for name in ("shop.db", "notes.db"):
            connection = sqlite3.connect(name)
            connection.execute("CREATE TABLE sold (item TEXT, price REAL)")
            connection.executemany("INSERT INTO sold VALUES (?, ?)", [("a", 1.0), ("b", 2.5)])
            connection.commit()
            connection.close()
        """,
        """
        import sqlite3
        import pandas as pd, sqlalchemy as sa
        connection = sqlite3.connect("shop.db")
        sold = pd.read_sql("SELECT * FROM sold", connection)
        connection.close()
        %%%
        with sqlite3.connect("result.db") as other:
            sold.assign(price=sold.price * 2).to_sql("doubled", other, index=False)
        other.close()
        %%%
        engine = sa.create_engine("sqlite:///notes.db")
        with engine.begin() as transaction:
            transaction.execute(sa.text("INSERT INTO sold VALUES ('c', 3)"))
        engine.dispose()
        sold.to_csv("sold.csv", index=False)
        """,
        "shop.db notes.db",
        "result.db notes.db sold.csv",
    ),
    "shell": Notebook(
        """
        from pathlib import Path
        Path("words.txt").write_text("pear\\napple\\nfig\\n")
        Path("list.csv").write_text("a,b\\n1,2\\n")
        """,
        """
        !sort words.txt > sorted.txt
        !wc -l words.txt
        %%%
        %%bash
        mkdir -p packed
        tar czf packed/all.tar.gz sorted.txt list.csv
        rm -f scratch.tmp
        touch scratch.tmp && rm scratch.tmp
        %%%
        %%writefile settings.ini
        [main]
        a = 1
        %%%
        lines = !cat sorted.txt
        with open("first.txt", "w") as file:
            file.write(lines[0])
        """,
        "words.txt list.csv",
        "sorted.txt packed/all.tar.gz settings.ini first.txt",
        "words.txt list.csv",
    ),
}

HEADER = "import ln_jupyter as ln\nln.header()"


def run(name: str, folder: Path) -> tuple[set[str], set[str]]:
    """Run one notebook where nothing else is, and return what its run has read and written."""
    notebook = NOTEBOOKS[name]
    subprocess.run([sys.executable, "-c", textwrap.dedent(notebook.data)], cwd=folder, check=True)  # noqa: S603 - above
    for path in folder.rglob("*"):
        os.utime(path, (1_750_000_000, 1_750_000_000))
    cells = [HEADER, *(each.strip() for each in textwrap.dedent(notebook.cells).split("\n%%%\n"))]
    content = new_notebook(cells=[new_code_cell(each) for each in cells])
    nbformat.write(content, folder / f"{name}.ipynb")
    registry = folder.parent / f"{name}.db"
    environment = {**os.environ, "LN_JUPYTER_URL": f"sqlite:///{registry}"}
    nbclient.NotebookClient(content, timeout=300, kernel_name="python3").execute(cwd=str(folder), env=environment)
    connection = sqlite3.connect(registry)
    rows = connection.execute("SELECT role, path FROM ln_run_file ORDER BY position").fetchall()
    connection.close()
    found: dict[str, set[str]] = {"input": set(), "output": set()}
    for role, path in rows:
        found[role].add(path.removeprefix(f"{folder}{os.sep}"))
    return found["input"], found["output"]


def main(names: list[str]) -> int:
    """Print the table, and return whether anything is wrong."""
    wrong = False
    said = list[str]()
    print("| notebook | data files | seen | missing | false |")
    print("| --- | ---: | ---: | --- | --- |")
    for name in names or NOTEBOOKS:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary).resolve() / "work"
            folder.mkdir()
            got = run(name, folder)
        expected = set(NOTEBOOKS[name].reads.split()), set(NOTEBOOKS[name].writes.split())
        missing = [
            f"{role} `{each}`" for role, a, b in zip(("input", "output"), expected, got, strict=True) for each in a - b
        ]
        false = [
            f"{role} `{each}`" for role, a, b in zip(("input", "output"), expected, got, strict=True) for each in b - a
        ]
        known = {f"input `{each}`" for each in NOTEBOOKS[name].unseen.split()}
        count = sum(map(len, expected))
        print(
            f"| {name} | {count} | {count - len(missing)} | {', '.join(sorted(missing))} | {', '.join(sorted(false))} |"
        )
        wrong = wrong or bool(false) or not known.issuperset(missing)
    print(*said, sep="\n", end="")
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
