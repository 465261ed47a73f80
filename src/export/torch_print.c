/* The page: what it says of itself, its functions, and forward. */
#include <stdlib.h>

#include "kernels/kernel_set.h"
#include "torch_internal.h"

/* --- functions of the page --- */

/* Outside of the class, without self; in the order in which they are printed. */
static const struct {
    wt_torch_function function;
    const char *text;
} functions[] = {
    {WT_TORCH_ADD,
     "def add(a, b):\n"
     "    \"\"\"The sum of the rows that both have: a convolution leaves out the oldest ones.\"\"\"\n"
     "    rows = min(a.shape[1], b.shape[1])\n"
     "    return a[:, a.shape[1] - rows :] + b[:, b.shape[1] - rows :]\n"},
    {WT_TORCH_GATE, "def gate(x):\n"
                    "    a, b = x.chunk(2, -1)\n"
                    "    return torch.tanh(a) * torch.sigmoid(b)\n"},
    {WT_TORCH_SLOPES, "def slopes(hop, device):\n"
                      "    \"\"\"Weights [hop, 2] of lines between frames.\"\"\"\n"
                      "    phase = torch.arange(hop, device=device) / hop\n"
                      "    return torch.stack([1 - phase, phase], 1)\n"},
    {WT_TORCH_UPSAMPLE,
     "def upsample(x, weights, place):\n"
     "    \"\"\"Frames as rows: each has its own frame and the following ones, by the weights [hop, "
     "taps].\"\"\"\n"
     "    frame, phase = place // len(weights), place % len(weights)\n"
     "    return sum(weights[phase, j, None] * x[:, frame + j] for j in range(weights.shape[1]))\n"},
};

static const struct {
    wt_torch_function function;
    const char *text;
} methods[] = {
    {WT_TORCH_LINEAR, "    def linear(self, x, name):\n"
                      "        return F.linear(x, self.tensor(name + \".weight\").flatten(1), "
                      "self.tensor(name + \".bias\"))\n"},
    {WT_TORCH_CONV,
     "    def conv(self, x, name, dilation=1):\n"
     "        weight, bias = self.tensor(name + \".weight\"), self.tensor(name + \".bias\")\n"
     "        return F.conv1d(x.transpose(1, 2), weight, bias, dilation=dilation).transpose(1, 2)\n"},
    {WT_TORCH_BATCH_NORM,
     "    def batch_norm(self, x, name):\n"
     "        \"\"\"By the running statistics, in training too.\"\"\"\n"
     "        mean, variance = self.tensor(name + \".running_mean\"), self.tensor(name + \".running_var\")\n"
     "        rows = (x - mean) / torch.sqrt(variance + 1e-5)\n"
     "        return rows * self.tensor(name + \".weight\") + self.tensor(name + \".bias\")\n"},
    {WT_TORCH_STRETCH,
     "    def stretch(self, taps, *names):\n"
     "        \"\"\"Weights [hop, taps] of how frames become rows: repeated and filtered, scale after "
     "scale.\"\"\"\n"
     "        rows = torch.eye(taps, device=self.tensor(names[0] + \".weight\").device)[:, None]\n"
     "        for name in names:\n"
     "            weight = self.tensor(name + \".weight\")\n"
     "            scale = weight.shape[2] // 2\n"
     "            rows = F.conv1d(rows.repeat_interleave(scale, 2), weight, padding=scale)\n"
     "        hop = rows.shape[2] // taps\n"
     "        return rows[:, 0, taps // 2 * hop :][:, :hop].T\n"},
    {WT_TORCH_READOUT, "    def pool(self, x, name):\n"
                       "        bias = self.tensor(name + \".bias\")\n"
                       "        rows = torch.einsum(\"btk,t->bk\", x, self.tensor(name + \".weight\")[0])\n"
                       "        return rows if bias is None else rows + bias\n"},
};

/* --- the page --- */

static void print_input(FILE *out, const wt_exported_network *s) {
    const char *rows = wt_exported_has_readout(s->graph) ? "" : ", preceded by ";
    if (s->classes)
        fprintf(out, "    x        int64 [batch, samples], classes 0 to %d", s->classes - 1);
    else
        fprintf(out, "    x        float [batch, %d, samples]", s->channels);
    if (*rows && s->classes)
        fprintf(out, "%s%d of class %d", rows, s->graph->receptive_field - 1, s->padding);
    else if (*rows)
        fprintf(out, "%s%d zeros", rows, s->graph->receptive_field - 1);
    fprintf(out, "\n");
    if (s->features)
        fprintf(out, "    frames   float [batch, %d, frames], %d samples apart, normalised\n", s->features,
                s->graph->framing.hop);
    if (s->graph->speakers) fprintf(out, "    speaker  int64 [batch]\n");
}

static void print_output(FILE *out, const wt_exported_network *s) {
    const int channels = s->graph->values[s->graph->outputs].channels;
    if (wt_exported_has_readout(s->graph)) {
        const wt_op *last = &s->graph->ops[s->graph->values[s->graph->outputs].producer];
        fprintf(out, "    returns  float [batch, %d]: %s, of windows of %d samples\n", channels, s->outputs,
                last->taps + s->graph->receptive_field - 1);
        return;
    }
    fprintf(out, "    returns  float [batch, %d, samples]: %s, ", channels, s->outputs);
    if (s->next)
        fprintf(out, "of the sample after each\n");
    else if (s->look_ahead)
        fprintf(out, "of the sample %d before each\n", s->look_ahead);
    else
        fprintf(out, "of each sample\n");
}

static void print_docstring(FILE *out, const wt_exported_network *s, const char *tensors) {
    fprintf(out, "\"\"\"%s.\n\n", s->title);
    fprintf(out, "load() gives the network with the tensors of %s next to this file. It takes\n\n", tensors);
    print_input(out, s);
    print_output(out, s);
    fprintf(out,
            "\nThe names in network.state_dict() are those of the file, so that\n"
            "safetensors.torch.save_file(network.state_dict(), FILE) is a file for wavetrain train --init.\n"
            "\"\"\"\n\nimport json\nimport pathlib\n\nimport torch\nfrom torch import nn\n"
            "from torch.nn import functional as F\n\n\n");
}

static void print_module(FILE *out, const wt_torch_lines *lines) {
    fprintf(out, "class Network(nn.Module):\n"
                 "    def __init__(self, tensors):\n"
                 "        super().__init__()\n"
                 "        for name, tensor in tensors.items():\n"
                 "            *path, leaf = name.split(\".\")\n"
                 "            module = self\n"
                 "            for part in path:\n"
                 "                if part not in module._modules:\n"
                 "                    module.add_module(part, nn.Module())\n"
                 "                module = module._modules[part]\n"
                 "            if leaf.startswith(\"running_\"):\n"
                 "                module.register_buffer(leaf, tensor)\n"
                 "            else:\n"
                 "                module.register_parameter(leaf, nn.Parameter(tensor))\n\n"
                 "    def tensor(self, name):\n"
                 "        path, _, leaf = name.rpartition(\".\")\n"
                 "        return getattr(self.get_submodule(path), leaf, None)\n\n");
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (lines->called[methods[i].function]) fprintf(out, "%s\n", methods[i].text);
    }
}

/* The frames that rows read, and each row's place among them; those beyond the ends are as the last ones. */
static void print_frames(FILE *out, const wt_exported_network *s) {
    const wt_graph *graph = s->graph;
    const wt_framing *f = &graph->framing;
    const int first = 1 - graph->receptive_field - s->centre + f->shift;
    fprintf(out,
            "        # the frames that rows read, beyond the ends as the last ones are; each row's place\n"
            "        first = %d  # the oldest row's place, in samples\n"
            "        place = first %% %d + torch.arange(x.shape[1], device=x.device)\n"
            "        count = int(place[-1]) // %d + %d\n"
            "        number = first // %d - %d + torch.arange(count, device=x.device)\n"
            "        frames = frames.transpose(1, 2)[:, number.clamp(0, frames.shape[2] - 1)]\n",
            first, f->hop, f->hop, graph->frame_taps + graph->values[graph->condition].left, f->hop, f->back);
}

static wt_status print_forward(FILE *out, const wt_exported_network *s, const wt_torch_lines *lines) {
    const wt_graph *graph = s->graph;
    char sum[8];
    fprintf(out, "    def forward(self, x%s%s):\n", s->features ? ", frames" : "",
            graph->speakers ? ", speaker" : "");
    if (!wt_exported_has_readout(graph) && graph->receptive_field > 1)
        fprintf(out, "        x = F.pad(x, (%d, 0), value=%d)\n", graph->receptive_field - 1,
                s->classes ? s->padding : 0);
    if (s->classes == 0) fprintf(out, "        x = x.transpose(1, 2)\n");
    if (s->features) print_frames(out, s);
    for (int i = 0; i < lines->sums; i++) {
        wt_torch_name_sum(sum, i);
        fprintf(out, "        %s = torch.zeros(1, x.shape[1], 1, device=x.device)\n", sum);
    }
    WT_TRY(wt_torch_print_loops(out, lines, 8));
    if (wt_exported_has_readout(graph))
        fprintf(out, "        return %s\n\n\n", lines->result);
    else
        fprintf(out, "        return %s.flatten(2).transpose(1, 2)\n\n\n", lines->result);
    return WT_OK;
}

static void print_load(FILE *out, const char *tensors) {
    fprintf(out,
            "def load(path=pathlib.Path(__file__).with_name(\"%s\")):\n"
            "    with open(path, \"rb\") as file:\n"
            "        header = json.loads(file.read(int.from_bytes(file.read(8), \"little\")))\n"
            "        numbers = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)\n"
            "    tensors = {}\n"
            "    for name, entry in header.items():\n"
            "        if name != \"__metadata__\":\n"
            "            begin, end = entry[\"data_offsets\"]\n"
            "            tensors[name] = numbers[begin // 4 : end // 4].reshape(entry[\"shape\"]).clone()\n"
            "    return Network(tensors).eval()\n",
            tensors);
}

wt_status wt_torch_print(FILE *out, const wt_exported_network *source, const char *tensors) {
    wt_torch_lines lines;
    WT_TRY(wt_torch_lines_make(&lines, source->graph));
    print_docstring(out, source, tensors);
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (lines.called[functions[i].function]) fprintf(out, "%s\n\n", functions[i].text);
    }
    print_module(out, &lines);
    const wt_status status = print_forward(out, source, &lines);
    print_load(out, tensors);
    wt_torch_lines_dispose(&lines);
    return status;
}
