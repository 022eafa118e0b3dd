"""Mutants that no test can notice, by the changed line, with the reason."""

EQUIVALENT = {
    "dynamics": {
        "never: Array = is_right.sum(1) <= 0": "a count is never negative",
        "events: Array = (is_right[:, :-1] * ~is_right[:, 1:]).sum(1)": "of booleans * is &",
        "spread = (n_epochs**3 - n_epochs) / 12 or 2.0": "of one epoch the offset it divides is 0",
        "return result.astype(p_gold.dtype, copy=True)": "a copy has the same numbers",
        'wide = torch.float32 if p_gold.device.type >= "mps" else torch.float64': "of the devices "
        "cpu, cuda and mps the last alone is not less than mps",
        'wide = torch.float32 if p_gold.device.type > "mps" else torch.float64': "differs on the "
        "device mps alone, which has no float64 and no machine of ours",
    },
    "losses": {
        "if hard_weight >= 1 or teacher_logits is None:": "`_check` has refused weights above 1",
    },
    "metrics": {
        "f1 = 2 * n_right / np.maximum(n_labelled + n_predicted, 2)": "a class that one label or "
        "one prediction names has no right one: 0 by anything",
    },
    "selection": {
        'if spec.rule <= "all":': "of the rules' names none sorts before it",
        "if spec.fraction < 1:": "`subset_size` has refused fractions above 1",
        "needed = np.full(n_total, 2 | n_total)  # more than there are: never in": "not less than "
        "there are: what exceeds the asked count is not in, and of the whole nothing is left over",
        "needed = np.full(n_total, 3 * n_total)  # more than there are: never in": "more than "
        "there are, all the more",
        "needed = np.full(n_total, 2 ** n_total)  # more than there are: never in": "no less than "
        "twice as many as there are, if slower to compare",
        "needed[positions[: counts[name]]] = -1": "in as with 0: growth is never negative",
        "growth = np.maximum(np.arange(1, len(positions) + 1) - counts[name], -1)": "the same",
        "low, high = _bracket(keys(slice(None, None, max(n_total // _SAMPLE, 2))), n / n_total)": (
            "of as many as are sifted, every 64th or fewer is in the sample"
        ),
        "counts = {r: subset_size(s, n_total) for r, s in shares.items() if s != 0}": "a share "
        "below 0 was refused before",
    },
}


def changed_line(before: str, after: str) -> str:
    """Return the first line of `after` that differs, stripped."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=False)
    return next((new.strip() for old, new in pairs if old != new), "")
