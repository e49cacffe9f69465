-- owner: they are, with the transaction that settled what goes on behind them
drop schema turno_restoring
