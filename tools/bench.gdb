# Read by gdb: at the handler in LSTAR, print what a record of method ring has, and go on.
hbreak *&handler
commands
silent
printf "%lx %lx %lx %lx\n", $rcx, $r11, $rsp, $rax
continue
end
continue
