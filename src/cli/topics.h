/* Topics of `gradus help TOPIC`, which are chapters of gradus(1) too. */
#ifndef CLI_TOPICS_H
#define CLI_TOPICS_H

/* Lines that begin with two spaces stand as they are; others are paragraphs. */
typedef struct cli_topic {
    const char *name; /* NULL ends the table */
    const char *summary;
    const char *text;
    void (*list)(void (*line)(const char *name, const char *meaning)); /* after the text; or NULL */
} cli_topic;

extern const cli_topic cli_topics[];

const cli_topic *cli_topic_find(const char *name); /* NULL: there is none */
/* Prints a topic for a terminal of that width. */
void cli_topic_print(const cli_topic *topic, int width);

#endif
