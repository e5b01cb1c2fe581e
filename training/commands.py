"""The commands that `warmlens model` has when training is installed."""

import typer

from training import data_commands, training_commands, version_commands

app = typer.Typer()
app.add_typer(data_commands.app, name="data")
app.add_typer(training_commands.app)
app.add_typer(version_commands.app)
