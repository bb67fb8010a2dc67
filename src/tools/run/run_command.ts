/** What `anybpf run` was asked. */
export interface RunCommand {
  readonly pcap: string;
  readonly prog?: string;
  readonly btf?: string;
  readonly maps?: string;
  readonly out?: string;
  readonly repeat: number;
  readonly interp?: boolean;
  readonly json?: boolean;
  readonly perPacket?: boolean;
}
