/* Lines of text on a terminal that go on below where they are too long. Of cli_print and its kin.
 */
#ifndef CLI_FLOW_H
#define CLI_FLOW_H

/* Prints text, of whole lines or parts of them. A line goes on below what stands in its second
 * column ("data      iris: …"), if it has one, else two blanks further in. What two blanks set
 * apart stays together ("loss 0.1234  accuracy 0.9812") unless it fills more than a line. */
void cli_flow(const char *text);
/* Prints what is held back of a line that has not ended. */
void cli_flow_flush(void);

#endif
