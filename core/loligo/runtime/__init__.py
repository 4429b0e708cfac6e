"""What keeps a running bot together: clocks, the inbox, supervised tasks with staged shutdown, the control socket."""
