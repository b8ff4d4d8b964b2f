#!/usr/bin/env python3
"""Trains the experiments of the published studies and puts our numbers beside theirs.

  python3 benchmarks/reproduction.py --data-dir DIR --tables mnist mnist-5 [--seeds 3] [--epochs-scale 0.4]
                                     [--divvy build/release/bin/divvy] [--out runs/reproduction] [--jobs 0]
                                     [--least-epochs 20] [--no-training] [--write apps/experiments/RESULTS.md]

Each row runs in the correct form and, where the published code computed something else, in that form too, by the quirks
of benchmarks/reference_numbers.py. --epochs-scale shortens stages to that share, but not below --least-epochs; the
tables say which epochs were run. A table may have seeds and a scale of its own (mnist-all-epochs has). A run that is
there already is not repeated; --no-training only writes what there is. "Of the best run" is the test accuracy of the seed with the best validation accuracy, which is what many
published rows are, of more seeds; ! marks a published number more than two standard deviations from our mean.
"""
import argparse
import json
import pathlib
import subprocess
import tomllib

from reference_numbers import TABLES

METRICS = {"val": "val_accuracy", "test": "test_accuracy", "mi": "test_mutual_information_prediction_bits",
           "label": "test_mutual_information_label_bits", "h_s": "test_sample_entropy_bits",
           "h_u": "test_usage_entropy_bits", "h_t": "test_per_task_entropy_bits"}
EXPERIMENTS = pathlib.Path(__file__).resolve().parent.parent / "apps" / "experiments"


def toml_line(key, value):
    return f"{key} = {json.dumps(value)}\n"


def shortened(epochs, arguments):
    least = arguments.least_epochs
    return epochs if epochs <= least else max(least, round(epochs * arguments.epochs_scale))


def shortened_schedule(text, scale):
    """ "10x25,1x25" with fewer epochs at each temperature."""
    parts = [part.split("x") for part in text.split(",")]
    return ",".join(f"{value}x{max(1, round(int(count) * scale))}" for value, count in parts)


def settings(folder, row, arguments, extra):
    values = tomllib.loads((EXPERIMENTS / folder / f"{row['experiment']}.toml").read_text(encoding="utf8"))
    whole = values["epochs"]
    for key in ("epochs", "first-epochs"):
        if key in values:
            values[key] = shortened(values[key], arguments)
    if isinstance(values.get("temperature"), str):
        values["temperature"] = shortened_schedule(values["temperature"], values["epochs"] / whole)
    return values | arguments.set | extra


def sweep(arguments, table, folder, form, rows):
    """Runs the rows of one form of a table; the means of their metrics by experiment."""
    out = pathlib.Path(arguments.out) / table / form
    files = out / "settings"
    files.mkdir(parents=True, exist_ok=True)
    names = []
    for row in rows:
        extra = {} if form == "correct" else {"quirks": row["quirks"]} | row["options"]
        values = settings(folder, row, arguments, extra)
        path = files / f"{row['experiment']}.toml"
        path.write_text("".join(toml_line(key, value) for key, value in values.items()), encoding="utf8")
        names.append(str(path))
    if not arguments.no_training:
        subprocess.run([arguments.divvy, "sweep", *names, "--seeds", str(arguments.seeds), "--jobs", str(arguments.jobs),
                        "--data-dir", arguments.data_dir, "--out", str(out)], check=True)
    return collected(out, rows)


def collected(out, rows):
    results = {}
    for row in rows:
        runs = [json.loads(path.read_text(encoding="utf8"))
                for path in sorted((out / row["experiment"]).glob("seed-*/summary.json"))]
        if runs:
            results[row["experiment"]] = runs
    return results


def mean_and_sd(runs, key, scale, digits):
    values = [scale * run[key] for run in runs if key in run]
    if not values:
        return None, None, "-"
    mean = sum(values) / len(values)
    if len(values) == 1:
        return mean, None, f"{mean:.{digits}f}"
    sd = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** .5
    return mean, sd, f"{mean:.{digits}f} ± {sd:.{digits}f}"


def table_text(title, rows, forms):
    lines = [f"## {title}", "",
             "| method | form | test accuracy % | of the best run | I(expert; prediction) | I(expert; label) | H sample | "
             "H usage | H per class |", "|---|---|---|---|---|---|---|---|---|"]

    def number(value, digits):
        return "" if value is None else f"{value:.{digits}f}"

    for row in rows:
        theirs = row["theirs"]
        lines.append(f"| **{row['name']}** | published | {number(theirs.get('test'), 2)} | | "
                     f"{number(theirs.get('mi'), 2)} | | {number(theirs.get('h_s'), 2)} | {number(theirs.get('h_u'), 2)} | "
                     f"{number(theirs.get('h_t'), 2)} |")
        for form, results in forms.items():
            runs = results.get(row["experiment"])
            if not runs:
                continue
            cells = []
            for field in ("test", "mi", "label", "h_s", "h_u", "h_t"):
                scale, digits = (100, 2) if field == "test" else (1, 2)
                mean, sd, text = mean_and_sd(runs, METRICS[field], scale, digits)
                # Marked where the published number is more than two of our standard deviations away.
                published = theirs.get(field)
                rounded = row.get("rounded", {}).get(field, .005)
                if None not in (mean, sd, published) and abs(mean - published) > 2 * sd + rounded:
                    text += " !"
                cells.append("-" if runs[0]["experts"] == 1 and field != "test" else text)
            best = max(runs, key=lambda run: run["val_accuracy"])
            cells.insert(1, f"{100 * best['test_accuracy']:.2f}")
            name = f"ours, {runs[0]['epochs']} epochs" if form == "correct" else f"with {runs[0]['quirks']}"
            lines.append(f"| | {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--divvy", default="build/release/bin/divvy")
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--out", default="runs/reproduction")
    parser.add_argument("--tables", nargs="+", choices=list(TABLES), default=list(TABLES))
    parser.add_argument("--seeds", type=int, default=3, help="run each row with seeds 1 to this")
    parser.add_argument("--jobs", type=int, default=0)
    parser.add_argument("--epochs-scale", type=float, default=1)
    parser.add_argument("--least-epochs", type=int, default=20)
    parser.add_argument("--forms", nargs="+", choices=["correct", "published"], default=["correct", "published"])
    parser.add_argument("--no-training", action="store_true")
    parser.add_argument("--write", help="a Markdown file to put the tables into, below its line '<!-- tables -->'")
    arguments = parser.parse_args()
    texts = []
    for table in arguments.tables:
        title, folder, rows, *own = TABLES[table]
        of_table = argparse.Namespace(**(vars(arguments) | {"set": {}} | (own[0] if own else {})))
        forms = {}
        if "correct" in of_table.forms:
            forms["correct"] = sweep(of_table, table, folder, "correct", rows)
        quirky = [row for row in rows if row["quirks"]]
        if quirky and "published" in of_table.forms:
            forms["published"] = sweep(of_table, table, folder, "published", quirky)
        texts.append(table_text(title, rows, forms))
        print(texts[-1], flush=True)
    if arguments.write:
        path = pathlib.Path(arguments.write)
        head = path.read_text(encoding="utf8").split("<!-- tables -->")[0]
        path.write_text(head + "<!-- tables -->\n\n" + "\n".join(texts), encoding="utf8")


if __name__ == "__main__":
    main()
