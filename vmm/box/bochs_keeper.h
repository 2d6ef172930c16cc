/*
 * What Bochs and the library preloaded into it (bochs_keeper.c) are told.
 */
#ifndef BOX_BOCHS_KEEPER_H
#define BOX_BOCHS_KEEPER_H

#define BOCHS_KEEPER    "bochs-keeper.so"       /* beside the program */

/* Environment: a directory to save to, or that the machine is taken from. */
#define BOCHS_SAVE      "VMM_BOCHS_SAVE"
#define BOCHS_RESTORE   "VMM_BOCHS_RESTORE"
#define BOCHS_MEMORY    "/memory.ram"           /* the machine's memory in such a directory */
#define BOCHS_SAVED     83                      /* exit status: it is saved */

/* A saved machine opens its files by these numbers again. */
enum {
	BOCHS_FD_DISC = 200,            /* what it boots */
	BOCHS_FD_REQUEST,               /* the disc that its init reads the request from */
	BOCHS_FD_CONSOLE, BOCHS_FD_PRINTER, BOCHS_FD_SIGNAL, BOCHS_FD_SETTINGS, BOCHS_FD_COMMANDS,
	BOCHS_FD_KEEPER
};

#endif
