/* gradus sample: a model of texts writes on. */
#include "cli/gates.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/out.h"
#include "cli/spool.h"
#include "cli/stop.h"

#include <gradus/sample.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLE_PROMPT_MOST = 1 << 20 };

/* What was written so far: printed at once, or kept for JSON. */
typedef struct sample_text {
    bool keep;
    char *data;
    size_t size, room;
    char last;
} sample_text;

static void sample_add(sample_text *text, const char *piece, size_t size)
{
    if (size == 0) return;
    text->last = piece[size - 1];
    if (!text->keep) {
        cli_print_bytes(piece, size);
        if (cli_is_terminal()) cli_flush();
        return;
    }
    while (text->size + size >= text->room)
        text->data = cli_realloc(text->data, text->room = text->room ? 2 * text->room : 4096, 1);
    memcpy(text->data + text->size, piece, size);
    text->size += size;
    text->data[text->size] = '\0';
}

/* Draws until the text is as long as asked for, nobody reads it any more or a signal comes. */
static gr_status sample_write(gr_text_sampler *sampler, int64_t length, int64_t *done,
                              sample_text *text)
{
    gr_status status = GR_OK;
    char piece[4];
    size_t size;
    for (*done = 0; *done < length && !cli_stop_wanted(); ++*done) {
        status = gr_text_sampler_next(sampler, piece, &size);
        if (status != GR_OK) break;
        sample_add(text, piece, size);
    }
    return status;
}

static void sample_print_json(const cli_args *args, const char *prompt, const sample_text *text)
{
    cli_json json = {.pretty = true};
    cli_json_object(&json, NULL);
    cli_json_text(&json, "prompt", prompt);
    cli_json_text(&json, "text", text->data ? text->data : "");
    cli_json_int(&json, "seed", cli_int(args, "seed"));
    cli_json_end(&json);
}

static int sample_text_from(const cli_args *args, gr_text_sampler *sampler, const char *prompt)
{
    int64_t done, length = cli_int(args, "length");
    sample_text text = {.keep = cli_flag(args, "json")};
    gr_status status = gr_text_sampler_feed(sampler, prompt, strlen(prompt));
    if (status != GR_OK) return cli_bad("the prompt: %s", gr_message());
    cli_catch_stop();
    if (!text.keep) sample_add(&text, prompt, strlen(prompt));
    status = sample_write(sampler, length, &done, &text);
    if (status == GR_OK && text.keep) sample_print_json(args, prompt, &text);
    if (!text.keep && text.last != '\n') cli_print("\n");
    free(text.data);
    if (status != GR_OK) return cli_failed(status);
    if (!cli_stop_asked()) return CLI_YES;
    return cli_fault(CLI_INTERRUPTED, "stopped after %" PRId64 " of %" PRId64 " characters", done,
                     length);
}

static int sample_open(const cli_args *args, gr_text_sampler **sampler)
{
    gr_model *model;
    double temperature = cli_real(args, "temperature");
    gr_status status =
        gr_model_load(cli_spool(cli_operand(args, 0)),
                      GR_MODEL(.threads = (int)cli_int(args, "threads"),
                               .exact = cli_flag(args, "exact"), .gates = cli_gates()),
                      &model);
    if (status != GR_OK) return cli_failed(status);
    /* As the temperature falls to 0, the likeliest takes it all. */
    status = gr_text_sampler_new(
        model,
        GR_TEXT_SAMPLER(.temperature = temperature,
                        .top_k = temperature > 0 ? (int)cli_int(args, "top-k") : 1,
                        .seed = (uint64_t)cli_int(args, "seed")),
        sampler);
    gr_model_free(model);
    return status == GR_OK
               ? CLI_YES
               : cli_fault(cli_exit_code(status), "%s: %s", cli_operand(args, 0), gr_message());
}

static int sample_run(const cli_args *args)
{
    gr_text_sampler *sampler = NULL;
    const char *file = cli_text(args, "prompt-file");
    char *read = NULL;
    if (file && cli_given(args, "prompt"))
        return cli_bad("--prompt and --prompt-file exclude each other");
    int code = file ? cli_read_file(file, SAMPLE_PROMPT_MOST, &read) : CLI_YES;
    if (code == CLI_YES) code = sample_open(args, &sampler);
    if (code == CLI_YES)
        code = sample_text_from(args, sampler, file ? read : cli_text(args, "prompt"));
    gr_text_sampler_free(sampler);
    free(read);
    return code;
}

static const cli_option sample_options[] = {
    {.name = "prompt",
     .letter = 'p',
     .kind = CLI_TEXT,
     .argument = "TEXT",
     .fallback = "",
     .help = "how the text begins (default: with a new line)"},
    {.name = "prompt-file",
     .kind = CLI_TEXT,
     .argument = "FILE",
     .help = "the same, from a file; - is standard input"},
    {.name = "length",
     .letter = 'l',
     .kind = CLI_INT,
     .argument = "N",
     .max = 9e15,
     .fallback = "500",
     .help = "characters to write"},
    {.name = "temperature",
     .letter = 't',
     .kind = CLI_REAL,
     .argument = "X",
     .max = 1e6,
     .fallback = "1",
     .help = "below 1 bolder, above 1 freer; 0: always the likeliest character"},
    {.name = "top-k",
     .letter = 'k',
     .kind = CLI_INT,
     .argument = "K",
     .max = 65536,
     .help = "draw among the K likeliest characters (default: all)"},
    {.name = "seed",
     .kind = CLI_INT,
     .argument = "N",
     .max = 9e15,
     .fallback = "1",
     .help = "the same seed writes the same text"},
    CLI_THREADS_OPTION,
    {.name = "exact",
     .help = "without oneDNN and Winograd's method: the same bits with or without the first"},
    CLI_GATES_OPTION,
    {.name = "json", .help = "print JSON"},
    {0},
};

const cli_command cli_command_sample = {
    .name = "sample",
    .summary = "let a model of texts write on",
    .operands = "MODEL",
    .about = "Draws one character after the other from what a model trained on a text takes for "
             "likely. Recurrent nets carry their state on; others look back as far as their "
             "input reaches. Ctrl-C ends the text.",
    .examples = "gradus sample shakespeare.safetensors --prompt 'ROMEO:'\n"
                "gradus sample shakespeare.safetensors --temperature 0.7 --top-k 10 --length 2000\n"
                "gradus sample shakespeare.safetensors --prompt-file scene.txt --seed 3",
    .least = 1,
    .most = 1,
    .options = sample_options,
    .computes = true,
    .run = sample_run,
};
