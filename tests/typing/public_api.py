"""What a type checker must say of the public names; `scripts/check` runs it, nothing executes it."""

from typing import Any, assert_type

import sqlalchemy as sa
from sqlalchemy import orm

import ln_jupyter as ln
import ln_jupyter.schema as lns
from ln_jupyter.answers.uses import Use

assert_type(ln.header(), None)
assert_type(ln.nb.run, lns.Run | None)

assert_type(ln.select(lns.Run), ln.Stmt[lns.Run])
assert_type(ln.select(lns.Run, name="x").where(lns.Run.pid > 1).order_by(lns.Run.id).limit(1), ln.Stmt[lns.Run])
assert_type(ln.select(lns.Run).load("pipeline").all(), list[lns.Run])
assert_type(ln.select(lns.Run).first(), lns.Run | None)
assert_type(ln.select(lns.Run).one(), lns.Run)
assert_type(ln.select(lns.Run).one_or_none(), lns.Run | None)
assert_type(ln.select(lns.Run).count(), int)
assert_type(ln.select(lns.Run).filter(lns.Run.pid > 1).filter_by(name="x"), ln.Stmt[lns.Run])
for each in ln.select(lns.Run):
    assert_type(each, lns.Run)
assert_type(list(ln.select(lns.Run, name="x")), list[lns.Run])
assert_type(ln.select(lns.Run.name).all(), list[Any])

run = lns.Run(name="x", pipeline=lns.Pipeline(name="p"))
assert_type(run.pipeline, lns.Pipeline | None)
assert_type(ln.add(run), lns.Run)
assert_type(ln.add([run]), list[lns.Run])
assert_type(ln.add(lns.Run, name="x"), lns.Run)
assert_type(ln.add(lns.Run, [{"name": "x"}]), list[Any])
assert_type(ln.delete(run), lns.Run)
assert_type(ln.delete(lns.Run, name="x"), list[lns.Run])
assert_type(ln.load(run, "pipeline"), lns.Run)

with ln.Session(write=True) as ss:
    assert_type(ss, ln.Session)
    assert_type(ss.select(lns.Run).one(), lns.Run)
    assert_type(ss.add(run), lns.Run)
    assert_type(ss.orm, orm.Session)

assert_type(ln.current_session(), orm.Session | None)
assert_type(ln.connect("sqlite://"), sa.Engine)

assert_type(ln.where("pred.csv").written, Use | None)
assert_type(ln.lineage("pred.csv", depth=1).to_mermaid(), str)
