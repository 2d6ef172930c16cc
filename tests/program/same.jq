# What two boxes may differ in.  Input: {guest, amd, intel}, two traces of one guest, each as an array.
# Output: one line for each transition that differs otherwise; none if they are the same.

def number: reduce (ltrimstr("0x") | explode[]) as $c (0; . * 16 + (if $c > 96 then $c - 87 else $c - 48 end));

# Bit 16, wherever an image of RFLAGS is or was read into a register.
# QEMU: a fault pushes RF as it was, silicon pushes 1 (SDM vol. 3B, 17.3.1.1); and INT n pushes it as it is (there),
# which Bochs clears first.
def without_rf: if . then sub("(?<odd>[13579bdf])(?<low>[0-9a-f]{4})$"; (.odd | number - 1 | [. + if . > 9 then 87 else 48 end] | implode) + .low)
	| sub("^0x0+(?=.)"; "0x") else . end;

# QEMU: SYSCALL clears CF PF AF ZF SF DF OF; silicon leaves them to IA32_FMASK (SDM vol. 2B, SYSCALL).
# They stay so up to the SWAPGS at the handler's begin.
def without_status: if . then number | reduce (0, 2, 4, 6, 7, 10, 11) as $bit (.; . - (. / pow(2; $bit) | floor % 2) * pow(2; $bit)) else . end;

# QEMU: the error code that names a gate of a 64-bit IDT has twice the vector (SDM vol. 3A, 6.13).
def one_vector: if .kind == "int" and .fault.error and (.fault.error | number) == .vector * 16 + 2
	then .fault.error = "IDT" | .frame.error = "IDT"
	elif .kind == "int" and .fault.error and (.fault.error | number) == .vector * 8 + 2
	then .fault.error = "IDT" | .frame.error = "IDT" else . end;

# QEMU: INT n to a stack segment that a TSS names and that is not present is #TS, silicon: #SS (SDM vol. 2A, INT n).
def absent_stack: if .kind == "int" and (.fault.name == "#TS" or .fault.name == "#SS") then del(.fault.name, .fault.vector) else . end;

# Vendor: SYSCALL outside 64-bit mode is #UD on Intel (SDM vol. 2B, SYSCALL), an entry on AMD (APM vol. 3, SYSCALL).
# It goes, with all that follows in the kernel.
def without_other_syscall: reduce .[] as $e ({ inside: false, kept: [] };
	if $e.kind == "syscall" and $e.before.mode != "64" then .inside = true else . end
	| if .inside then (if $e.after.cpl == 3 then .inside = false else . end) else .kept += [$e] end) | .kept;
# A 32-bit kernel that asks CPUID enables it on AMD alone.
def without_enabling: map(select((.kind == "wrmsr" and (.name == "IA32_EFER" or .name == "IA32_STAR")) | not));

def registers: ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
def other_flow: any(.[]; .kind == "syscall" and .before.mode != "64");

# Not the observation: checks and what is said of the other vendor.
def observed: del(.checks, .other_vendor, .seq);
def same_state: if . then .rflags |= without_rf
	| reduce registers[] as $r (.; if .[$r] then .[$r] |= without_rf else . end) else . end;
def comparable:
	observed | one_vector | absent_stack | .before |= same_state | .after |= same_state
	| if .frame.rflags then .frame.rflags |= without_rf else . end
	| if .kind == "syscall" then .after.rflags |= without_status else . end
	| if .kind == "swapgs" and .before.cpl == 0 then .before.rflags |= without_status | .after.rflags |= without_status else . end;

(.amd | map(select(.seq and .kind != "lint"))) as $amd | (.intel | map(select(.seq and .kind != "lint"))) as $intel
| ($amd | other_flow) as $flows
# Behind that flow registers and flags hold what it left, and numbers have moved.
| def ready: if $flows then without_other_syscall | without_enabling
	| map(reduce (registers + ["rflags"])[] as $r (.; del(.before[$r], .after[$r])) | del(.fields, .service.args, .entry)) else . end
	| map(comparable);
  ($amd | ready) as $a | ($intel | ready) as $i
| if ($a | length) != ($i | length) then "\($a | length) transitions, and \($i | length)" else empty end,
  (range([$a, $i] | map(length) | min) | select($a[.] != $i[.])
   | "\($a[.].kind) at \($a[.].symbol): " + ([$a[.], $i[.]] | map(tojson) | join("\n   ")))
