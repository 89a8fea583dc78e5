"""The compiled data plane: one thread without the GIL that moves media bytes between sockets."""
